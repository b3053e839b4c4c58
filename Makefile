# Needs only Python 3.11 or newer. On Windows: `py start.py` and `py start.py test`.
PYTHON ?= python3

.PHONY: start test quick format bench evaluate pictures frontend clean

start:     ## open the studio (TORCH=no: without PyTorch; PORT=8899; BROWSER=no)
	@$(PYTHON) start.py $(if $(TORCH),--torch=$(TORCH)) $(if $(PORT),--port=$(PORT)) $(if $(filter no,$(BROWSER)),--no-browser)

test:      ## everything: format, lint, types, tests
	@$(PYTHON) start.py test

quick:     ## what can be checked in about a minute
	@$(PYTHON) start.py quick

format:    ## put the code into its form
	@$(PYTHON) start.py format

bench:     ## a training step, side by side with PyTorch
	@$(PYTHON) start.py bench

evaluate:  ## every project on its real data (GOBHIR_DATA=FOLDER); RUN=NAME: one of them
	@$(PYTHON) start.py evaluate $(RUN)

pictures:  ## take the README's pictures anew
	@.venv/bin/python docs/take_pictures.py

frontend:  ## bundle frontend/ after a change
	@$(PYTHON) frontend/bundle.py

clean:     ## remove all that was made here, and nothing of the learner's
	@rm -rf .venv .venv.lock frontend/node_modules src/gobhir/static dist test-results
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find src tests frontend benchmarks -name __pycache__ -prune -exec rm -rf {} +

# Needs only Python 3.11 or newer. On Windows: `py start.py` and `py start.py test`.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: start test quick format frontend bench clean

start:     ## open the studio (TORCH=no: without PyTorch; PORT=8899; BROWSER=no)
	@$(PYTHON) start.py $(if $(TORCH),--torch=$(TORCH)) $(if $(PORT),--port=$(PORT)) $(if $(filter no,$(BROWSER)),--no-browser)

test:      ## everything: format, lint, types, tests
	@$(PYTHON) start.py test

quick:     ## what can be checked in under a minute
	@$(PYTHON) start.py quick

format:    ## put the code into its form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

frontend:  ## bundle frontend/ after a change
	@$(BIN)/python frontend/bundle.py

clean:     ## remove all that was made here, but nothing of the learner's
	@rm -rf .venv frontend/node_modules src/gobhir/static build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis test-results
	@find src tests frontend -name __pycache__ -prune -exec rm -rf {} +

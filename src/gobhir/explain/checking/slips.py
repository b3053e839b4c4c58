"""All slips that are known, the likelier ones first."""

from gobhir.explain.checking import slips_layers, slips_network, slips_update
from gobhir.explain.checking.slip import SLIPS, Slip

__all__ = ["SLIPS", "Slip", "slips_layers", "slips_network", "slips_update"]

"""What a record says against itself: frame in, findings out, one rule of fair comparison at a time.

    findings   pass, warn or fail for each rule that a record can show, with the rows and what to do
    told       the findings in one sentence
    some       the first few names of a finding, and how many more there are
    at_default which rows have their optimizer's default rate: the column with no tuning at all
    RULES      the rules, in the order in which they are looked at

`search` holds the rules about how rates were found, `results` those about what is compared, `machine` those about where
it was run, and `subjects` what a rule says where there is nothing to check. A rule reads the record and nothing else:
what was never written down it cannot see. Imports metrics and the catalogue of optimizers; no store, no pictures, and
torch only to learn an optimizer's default rate.
"""

from .record import Finding, Record, Rule, some
from .rules import RULES, findings, told
from .search import at_default

__all__ = ["RULES", "Finding", "Record", "Rule", "at_default", "findings", "some", "told"]

"""WHAT: the rules of the trade, from a judged reading to a closed incident 案件."""

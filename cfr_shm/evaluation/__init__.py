"""How good a strategy is: values, best responses, exploitability."""

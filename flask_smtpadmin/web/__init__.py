"""The pages: one blueprint, one table of addresses, one gate before all of them."""

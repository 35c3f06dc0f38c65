"""ModelApproval: no model is pushed before the gates, the rules or a person have said yes to these very bytes."""

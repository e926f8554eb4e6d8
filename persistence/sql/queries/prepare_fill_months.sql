SELECT pitboss.prepare_fill_months($1)

-- Ends with the transaction. The number is arbitrary and must never change.
SELECT pg_advisory_xact_lock(7248612)

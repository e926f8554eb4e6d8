SELECT EXISTS (SELECT 1 FROM pitboss.fills_default)

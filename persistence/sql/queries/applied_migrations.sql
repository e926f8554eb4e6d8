SELECT number, name, checksum FROM pitboss.migrations ORDER BY number

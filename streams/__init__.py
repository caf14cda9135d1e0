"""MACHINES IN: Faust on Kafka, from an envelope of readings to one transaction."""

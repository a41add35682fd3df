"""The only importer of faust and aiokafka: app, transport, agents, publisher."""

"""Systems that recommend: what someone will want next."""

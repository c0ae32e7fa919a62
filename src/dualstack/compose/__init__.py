"""A compose file as a manifest: one service is verified, the services that it depends on are its components."""

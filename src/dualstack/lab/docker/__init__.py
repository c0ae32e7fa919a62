"""The ``docker`` backend: the same worlds, made of containers, for services that are shipped as images.

Some modules run inside containers (`supervisor`, `configure`, `mux`, `parcel`, `looks`, `sidecar`): they import neither
the SDK nor the other modules.
"""

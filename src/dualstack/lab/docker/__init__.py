"""The ``docker`` backend: the same worlds, made of containers, for services that are shipped as images.

Some modules run inside containers (`holder`, `settling`, `mux`, `parcel`, `looks`): they import neither the SDK nor the
others.
"""

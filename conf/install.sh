#!/bin/sh
# Installs a configuration file where there is none yet: one that is there may have been changed.
# Called by `meson install`: install.sh SOURCE DESTINATION
set -eu
destination=${DESTDIR:-}$2
if [ ! -e "$destination" ] && [ ! -L "$destination" ]; then
	install -D -m 644 "$1" "$destination"
fi

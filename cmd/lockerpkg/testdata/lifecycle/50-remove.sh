apt-get remove -y lockerd >/dev/null 2>&1 || fail "remove"
is "$(pgrep -c lockerd || true)" 0 "processes"
[ ! -e /usr/bin/lockerd ] && [ ! -L /usr/bin/lockerd ] || fail "the program is there"
[ -d /var/lib/lockerd ] || fail "the state is gone"
[ -s /etc/lockerd/lockerd.toml ] || fail "the configuration is gone"

# Back again: the bank knows what it knew, and starts by itself.
# dpkg remembers 1.7.0 and its lockerd.toml.
told=$(apt-get install -y --allow-downgrades -o Dpkg::Options::=--force-confold /pkg/new.deb 2>&1) || fail "install again: $told"
soon "lockerd runs" runs v1.3.0
has "$(lockerctl doors 1-03)" SN-4711 "what lies behind a door"

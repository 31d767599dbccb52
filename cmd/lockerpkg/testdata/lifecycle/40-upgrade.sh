conf=$(sha256sum /etc/lockerd/lockerd.toml)
events=$(lockerctl events | wc -l)
apt-get install -y /pkg/new.deb >/dev/null 2>&1 || fail "upgrade"
soon "the new one runs" runs v1.3.0
soon "and is confirmed" ended confirmed /usr/lib/lockerd/lockerd
is "$(sha256sum /etc/lockerd/lockerd.toml)" "$conf" "the configuration"
[ "$(lockerctl events | wc -l)" -gt "$events" ] || fail "the journal does not go on"
lockerctl journal verify >/dev/null || fail "the journal"
has "$(lockerctl doors 1-03)" SN-4711 "what lies behind a door"

# A package with another lockerd.toml: the engineer's stays. Its program is the
# same, and is not tried again.
dpkg-deb -R /pkg/new.deb /tmp/deb
echo '# a later template' >>/tmp/deb/etc/lockerd/lockerd.toml
repack 1.4.0
is "$(sha256sum /etc/lockerd/lockerd.toml)" "$conf" "the configuration, though the package's has changed"
soon "lockerd runs" runs v1.3.0

# Stopped and disabled by the engineer: an upgrade does not enable it.
systemctl disable -q lockerd
repack 1.4.1
is "$(systemctl is-enabled lockerd || true)" disabled "the engineer's choice"
systemctl enable -q lockerd
soon "lockerd runs" runs v1.3.0

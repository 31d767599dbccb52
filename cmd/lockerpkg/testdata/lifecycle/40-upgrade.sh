conf=$(sha256sum /etc/lockerd/lockerd.toml)
events=$(lockerctl events | wc -l)
was=$(pid)
apt-get install -y /pkg/new.deb >/dev/null 2>&1 || fail "upgrade"
soon "the new one runs" another "$was"
has "$(lockerd version)" 1.3.0 "version"
is "$(sha256sum /etc/lockerd/lockerd.toml)" "$conf" "the configuration"
[ "$(lockerctl events | wc -l)" -gt "$events" ] || fail "the journal does not go on"
lockerctl journal verify >/dev/null || fail "the journal"
has "$(lockerctl doors 1-03)" SN-4711 "what lies behind a door"

# A package with another lockerd.toml: the engineer's stays.
dpkg-deb -R /pkg/new.deb /tmp/newer
echo '# a later template' >>/tmp/newer/etc/lockerd/lockerd.toml
sed -i 's/^Version: .*/Version: 1.4.0/' /tmp/newer/DEBIAN/control
dpkg-deb --root-owner-group -b /tmp/newer /tmp/newer.deb >/dev/null
apt-get install -y -o Dpkg::Options::=--force-confold /tmp/newer.deb >/dev/null 2>&1 || fail "second upgrade"
is "$(sha256sum /etc/lockerd/lockerd.toml)" "$conf" "the configuration, though the package's has changed"
soon "lockerd runs" systemctl -q is-active lockerd

# Stopped and disabled by the engineer: an upgrade does not enable it.
systemctl disable -q lockerd
apt-get install -y --reinstall /tmp/newer.deb >/dev/null 2>&1 || fail "again"
is "$(systemctl is-enabled lockerd || true)" disabled "the engineer's choice"
systemctl enable -q lockerd

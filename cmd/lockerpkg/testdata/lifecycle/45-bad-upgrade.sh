# A package whose program ends at once.
printf '#!/bin/sh\n[ "$1" = run ] || exit 0\nexit 1\n' >/tmp/deb/usr/lib/lockerd/lockerd
repack 1.5.0
soon "rolled back" ended rolled_back /usr/lib/lockerd/lockerd
soon "the old one runs" runs v1.3.0
soon "a door opens" lockerctl open 1-05 --reason "after a bad update" # its board may not have answered yet

# One that never gets ready.
drop slow 'TimeoutStartSec=5s'
printf '#!/bin/sh\n[ "$1" = run ] || exit 0\nexec sleep 1000\n' >/tmp/deb/usr/lib/lockerd/lockerd
repack 1.6.0
soon "rolled back" ended rolled_back /usr/lib/lockerd/lockerd
soon "the old one runs" runs v1.3.0
undrop slow

# One that is well, and hangs: the watchdog ends it twice.
sed -i 's/^hold = .*/hold = "15s"/' /etc/lockerd/lockerd.toml
drop watchdog 'WatchdogSec=5s'
dpkg-deb -R /pkg/new.deb /tmp/hangs
cp /tmp/hangs/usr/lib/lockerd/lockerd /tmp/deb/usr/lib/lockerd/lockerd
echo another >>/tmp/deb/usr/lib/lockerd/lockerd # a digest of its own
repack 1.7.0
for _ in 1 2; do
	soon "it is on trial" grep -q '"phase":"trying"' /var/lib/lockerd/update/state
	soon "it runs" runs v1.3.0
	was=$(pid)
	kill -STOP "$was"
	soon "started again after a hang" another "$was"
done
soon "the old one runs" runs v1.3.0
soon "rolled back" ended rolled_back /usr/lib/lockerd/lockerd
undrop watchdog
lockerctl journal verify >/dev/null || fail "the journal"
has "$(lockerctl doors 1-03)" SN-4711 "what lies behind a door"

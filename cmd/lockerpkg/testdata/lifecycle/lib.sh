# What the steps of the lifecycle share. Each step is one file, run by sh -eu in
# the order of its name, as root on a booted system; the packages lie in /pkg.
fail() {
	echo "FAIL: $*" >&2
	systemctl --no-pager status lockerd >&2 || true
	journalctl --no-pager -n 40 -u lockerd >&2 || true
	exit 1
}
# is GOT WANT WHAT
is() { [ "$1" = "$2" ] || fail "$3: got '$1', want '$2'"; }
# has TEXT PART WHAT
has() { case "$1" in *"$2"*) ;; *) fail "$3: '$2' is not in: $1" ;; esac; }
# soon WHAT COMMAND...: until it is true, a minute at most
soon() {
	what=$1
	shift
	for _ in $(seq 600); do
		if "$@"; then return 0; fi
		sleep 0.1
	done
	fail "not within a minute: $what"
}
pid() { systemctl show -P MainPID lockerd; }
# another PID: lockerd runs again, as another process
another() {
	now=$(pid) # 0 for a moment after the end of one
	[ "$now" != 0 ] && [ "$now" != "$1" ] && [ "$(systemctl is-active lockerd)" = active ]
}
# drop NAME TEXT: a drop-in for the unit, in this boot only
drop() {
	mkdir -p /run/systemd/system/lockerd.service.d
	printf '[Service]\n%b\n' "$2" >"/run/systemd/system/lockerd.service.d/$1.conf"
	systemctl daemon-reload
}
undrop() {
	rm "/run/systemd/system/lockerd.service.d/$1.conf"
	systemctl daemon-reload
}
# ended RESULT PROGRAM: how the last update, to that file, ended
ended() { grep -q '"last":{"version":"package '"$(sha256sum "$2" | cut -c1-12)"'","result":"'"$1"'"' /var/lib/lockerd/update/state; }
# runs VERSION: lockerd is well, and of that version
runs() { lockerctl --json status 2>/dev/null | grep -q '"version":"'"$1"'"'; }
# repack VERSION: the package in /tmp/deb, as another version, installed
repack() {
	sed -i "s/^Version: .*/Version: $1/" /tmp/deb/DEBIAN/control
	dpkg-deb --root-owner-group -b /tmp/deb /tmp/re.deb >/dev/null
	apt-get install -y -o Dpkg::Options::=--force-confold /tmp/re.deb >/dev/null 2>&1 || fail "installing $1"
}

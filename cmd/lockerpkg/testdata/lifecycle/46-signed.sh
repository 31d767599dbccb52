# Signed updates, from a stick and over HTTPS. /stick, its keys and its programs are
# made by the test; all its dates are forty days old. The boards, the scanner and the
# web server are cabinet, which lives on whatever becomes of lockerd. Each case ends
# with kept: the bank answers, its journal is whole, it holds what it held, and no door
# has moved: no event says so, and no board was told to pulse.
prog() { echo "/programs/$1/lockerd-linux-$(dpkg --print-architecture)"; }
add() { lockerctl release add "$1" "$(prog "$2")" --repo /stick --keys /keys; }
moved() { lockerctl events | grep -c ' door\.' || true; }
kept() {
	soon "$1: the bank answers" lockerctl status >/dev/null
	lockerctl journal verify >/dev/null || fail "$1: the journal"
	is "$(lockerctl stock --items --csv)" "$items" "$1: the items"
	is "$(moved)" "$doors" "$1: events of doors"
	is "$(cabinet pulses /run/cabinet)" "$pulses" "$1: pulses that the boards got"
}
# refused WORDS FLAG...: the order is refused in these words, and nothing has happened
refused() {
	words=$1
	shift
	was=$(pid)
	if told=$(lockerctl update "$@" 2>&1); then fail "taken, but should be refused ($words): $told"; fi
	has "$told" "$words" "the refusal"
	has "$told" "next: " "the cure"
	is "$(pid)" "$was" "the process after a refusal"
	kept "$words"
}
# last RESULT VERSION
last() { grep -q '"last":{"version":"'"$2"'","result":"'"$1"'"' /var/lib/lockerd/update/state; }
idle() { ! grep -q '"trial"' /var/lib/lockerd/update/state; }
well() { idle && grep -q '"good"' /var/lib/lockerd/update/state; }

systemd-run -q --unit=cabinet cabinet serve /run/cabinet /stick
soon "there is a cabinet" cabinet pulses /run/cabinet
soon "there is a web server" test -s /run/cabinet/ca.pem
mkdir -p /etc/ssl/certs
cat /run/cabinet/ca.pem >>/etc/ssl/certs/ca-certificates.crt
sed -i '/^\[update\]/,$d' /etc/lockerd/lockerd.toml
sed -i -e '/^\[bus.profile\]/d' -e '/^person/d' -e '/^shut_after/d' \
	-e 's,^driver = "sim",driver = "xor8a"\nport   = "/run/cabinet/bus",' /etc/lockerd/lockerd.toml
cat >>/etc/lockerd/lockerd.toml <<TOML

[[scanner]]
name   = "front"
driver = "serial"
port   = "/run/cabinet/front"

[update]
source    = "https://127.0.0.1:8443"
root_file = "/etc/lockerd/update-root.json"
hold      = "2s"
deadline  = "20s"
TOML
sed "s,/run/cabinet/front,/dev/nowhere," /etc/lockerd/lockerd.toml >/etc/lockerd/blind.toml
install -m 644 /stick/metadata/1.root.json /etc/lockerd/update-root.json
chmod 644 /etc/lockerd/blind.toml
systemctl restart lockerd
soon "the bank with its scanner is known to be well" grep -q '"good":{.*front' /var/lib/lockerd/update/state
soon "nothing is on trial" idle
lockerctl stock set 1-04 laptop-15 SN-4712 >/dev/null
lockerctl open 1-05 --reason "these boards pulse" >/dev/null
soon "it is shut again" sh -c 'lockerctl events | grep -q "door.closed.*1-05"'
pulses=$(cabinet pulses /run/cabinet)
[ "$pulses" -gt 0 ] || fail "the cabinet does not count"
items=$(lockerctl stock --items --csv)
doors=$(moved)

# Expired metadata: a stick that nobody has refreshed for forty days.
refused expired --from /stick
lockerctl release refresh --repo /stick --keys /keys

# The wrong key: a repository of somebody else.
lockerctl release init --repo /foreign --keys /foreign-keys >/dev/null
lockerctl release add 9.0.0 "$(prog good)" --repo /foreign --keys /foreign-keys >/dev/null
refused "sign" --from /foreign

# Tampered: one byte of the program is another.
add 1.8.0 good >/dev/null
cp -a /stick /tampered
for f in $(find /tampered/targets -type f -size +1M); do
	printf X | dd of="$f" bs=1 seek=100000 conv=notrunc status=none
done
refused "is not the program that was released" --from /tampered

# During an open door: on disk, but tried only when it is shut.
was=$(pid)
lockerctl open 1-06 --reason "a person stands there" >/dev/null
lockerctl update >/dev/null # over HTTPS
seen=0
while lockerctl doors 1-06 | grep -q ' open'; do
	grep -q '"phase":"verified"' /var/lib/lockerd/update/state || break
	is "$(pid)" "$was" "the process while a door is open"
	seen=$((seen + 1))
done
[ "$seen" -gt 0 ] || fail "the door was shut before the update was on disk"
# Good.
soon "the good one is confirmed" last confirmed 1.8.0
soon "it runs" runs v1.8.0
doors=$(moved) # the one that was opened above, by order
pulses=$((pulses + 1))
items=$(lockerctl stock --items --csv)
kept good

# A downgrade: what is released there now is older than what runs.
add 1.0.0 good >/dev/null
refused "is not newer than" --from /stick --version 1.0.0

# bad VERSION PROGRAM: tried and rolled back
bad() {
	add "$1" "$2" >/dev/null
	soon "$2: the bank is well before" well
	lockerctl update --from /stick >/dev/null || fail "$2: not taken"
	soon "$2: rolled back" last rolled_back "$1"
	soon "$2: the one before runs" runs v1.8.0
	kept "$2"
}
bad 1.9.0 crashes
drop slow 'TimeoutStartSec=5s'
bad 1.10.0 hangs
undrop slow
bad 1.11.0 blind
has "$(lockerctl update status)" "lost: scanner front" "why"

# A full disk while staging.
systemctl stop lockerd
cp -a /var/lib/lockerd/update /tmp/update
mount -t tmpfs -o size=64m,mode=700 tmpfs /var/lib/lockerd/update
cp -a /tmp/update/. /var/lib/lockerd/update/
chown lockerd:lockerd /var/lib/lockerd/update
systemctl start lockerd
soon "well on the small disk" well
dd if=/dev/zero of=/var/lib/lockerd/update/filler bs=64k status=none 2>/dev/null || true
truncate -s -1M /var/lib/lockerd/update/filler # room for metadata, not for a program
add 1.12.0 large >/dev/null
refused "are free" --from /stick
rm /var/lib/lockerd/update/filler
systemctl restart lockerd
soon "it runs after the full disk" runs v1.8.0
kept "full disk"
systemctl stop lockerd
umount /var/lib/lockerd/update
systemctl start lockerd
soon "well" well

# SIGKILL at random moments of an update. Each is of a program of its own: one that was
# rolled back is not tried again, and an order of it would be refused.
boards() { lockerctl --json status 2>/dev/null | grep -q '"address":1,"state":"ok"'; }
drop quick 'RestartSec=100ms'
systemctl restart lockerd
for n in $(seq "$(cat /steps/kills)"); do
	mkdir "/programs/crashes$n"
	{ cat "$(prog crashes)" && echo "# $n"; } >"$(prog "crashes$n")"
	add "2.0.$n" "crashes$n" >/dev/null
	soon "kill $n: well before" well
	soon "kill $n: the boards answer" boards
	from="--from /stick"
	[ $((n % 2)) = 0 ] || from="" # over HTTPS
	# shellcheck disable=SC2086
	lockerctl update $from >/tmp/order 2>&1 &
	order=$!
	early=0 # half of them about its staging, which takes less than a tenth of a second
	[ $((n % 4)) -lt 2 ] || early=""
	sleep "0.$early$(shuf -i 0-9 -n 1)$(shuf -i 0-9 -n 1)"
	systemctl kill -s KILL lockerd
	wait "$order" || true
	! grep "refused\|cannot take" /tmp/order || fail "kill $n: nothing was killed"
	soon "kill $n: nothing is on trial" well
	soon "kill $n: the one before runs" runs v1.8.0
	kept "kill $n"
done
undrop quick
lockerctl open 1-05 --reason "these boards pulse still" >/dev/null

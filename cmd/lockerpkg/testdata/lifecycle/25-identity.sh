# The field engineer's page of the README, office and lobby on one machine, but for the
# image and its card: the seed is copied to where the board looks for it.
export LOCKERCTL_FLEET_STATE=/root/office/fleet.db
cp /etc/lockerd/lockerd.toml /root/plain.toml
cat >>/etc/lockerd/lockerd.toml <<TOML

[identity]

[mqtt]
url = "mqtts://127.0.0.1:8883"
TOML
lockerd check --config /etc/lockerd/lockerd.toml

lockerctl fleet keys new
lockerctl enrol init --url https://127.0.0.1:18443
systemd-run -q --unit=office -E LOCKERCTL_FLEET_STATE="$LOCKERCTL_FLEET_STATE" \
	lockerctl fleet serve --enrol 127.0.0.1:18443 --broker mqtt://127.0.0.1:1883
soon "the office answers" test -S "$LOCKERCTL_FLEET_STATE.sock"
lockerctl enrol token --bank demo-001 --ttl 24h --out /root/seed.toml

systemctl restart lockerd
if told=$(lockerctl enrol status 2>&1); then fail "a board without a seed has a certificate: $told"; fi
install -m 600 -o lockerd -g lockerd /root/seed.toml /var/lib/lockerd/lockerd-seed.toml
soon "the board has its certificate" lockerctl enrol status
token=$(sed -n 's/^ *token *= *"\(.*\)"/\1/p' /root/seed.toml)
[ -n "$token" ] || fail "the seed has no token"
soon "the seed is erased" sh -c '! grep -q "$1" /var/lib/lockerd/lockerd-seed.toml' sh "$token"
is "$(find /var/lib/lockerd/identity/keys -name '*.key' ! -perm 600 | wc -l)" 0 "keys that others may read"
has "$(lockerctl enrol list)" good "what the operator knows of it"
told=$(lockerctl self-test) || fail "self-test"
has "$told" "ok  certificate" "self-test"
lockerctl open 1-07 --reason "first door"

# The bank of the other steps again.
systemctl stop office
cp /root/plain.toml /etc/lockerd/lockerd.toml
systemctl restart lockerd

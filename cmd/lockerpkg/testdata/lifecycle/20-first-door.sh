# The lines of the README.
cp /usr/share/doc/lockerd/examples/sim.toml /etc/lockerd/lockerd.toml
lockerd check --config /etc/lockerd/lockerd.toml
systemctl restart lockerd # Type=notify: returns when the bank is ready
lockerctl status
lockerctl open 1-07 --reason "first door"

is "$(ps -o user= -p "$(pid)")" lockerd "user of lockerd"
is "$(stat -c '%a %U' /var/lib/lockerd)" "700 lockerd" "state"
is "$(stat -c '%a %U' /run/lockerd)" "750 lockerd" "directory of the socket"
is "$(ls /run/lockerd)" control.sock "control socket"
has "$(lockerctl events --last 20)" "door.opened" "the journal"
has "$(lockerctl events --last 20)" "by=root" "who ordered it"
lockerctl stock set 1-03 laptop-14 SN-4711 >/dev/null

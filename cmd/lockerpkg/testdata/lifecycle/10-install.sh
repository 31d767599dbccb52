told=$(apt-get install -y /pkg/old.deb 2>&1) || fail "install: $told"
has "$told" "describe the bank in /etc/lockerd/lockerd.toml" "what the engineer is told"

is "$(systemctl is-enabled lockerd)" enabled "the unit"
is "$(systemctl is-active lockerd)" inactive "a bank that nobody has described"
for g in dialout gpio input video; do has " $(id -nG lockerd) " " $g " "groups of lockerd"; done
is "$(lockerctl version | cut -d' ' -f1)" lockerctl "lockerctl"
code=0
lockerd check --config /etc/lockerd/lockerd.toml 2>/dev/null || code=$?
is "$code" 2 "lockerd check of what the package brings"
man=$(zcat /usr/share/man/man8/lockerd.8.gz) && has "$man" "lockerd run" "the man page"

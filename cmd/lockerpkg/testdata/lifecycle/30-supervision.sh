was=$(pid)
kill -KILL "$was"
soon "started again after SIGKILL" another "$was"

drop watchdog 'WatchdogSec=5s'
systemctl restart lockerd
was=$(pid)
kill -STOP "$was"
soon "started again after a hang" another "$was"
journalctl --no-pager -u lockerd | grep -q "Watchdog timeout" || fail "it was not the watchdog"
undrop watchdog

# Many ends in a row leave it running: no start limit.
for _ in 1 2 3 4 5 6 7; do
	was=$(pid)
	kill -KILL "$was"
	soon "started again, once more" another "$was"
done

# A bad configuration is told to who restarts it; once mended, it runs.
sed -i 's/^driver.*/driver = "nothing"/' /etc/lockerd/lockerd.toml
if systemctl restart lockerd 2>/dev/null; then fail "it runs with a bad configuration"; fi
has "$(journalctl --no-pager -u lockerd -n 20)" 'bus[0].driver' "why"
sed -i 's/^driver.*/driver = "sim"/' /etc/lockerd/lockerd.toml
soon "lockerd runs" systemctl -q is-active lockerd

# What root has copied here, lockerd may read; nobody else.
echo secret >/etc/lockerd/bank.key
chmod 600 /etc/lockerd/bank.key
systemctl restart lockerd
is "$(stat -c '%a %U %G' /etc/lockerd/bank.key)" "640 root lockerd" "a key"

# Short, for the steps to come; a bank is judged for a minute.
printf '[update]\nhold = "2s"\ndeadline = "20s"\n' >>/etc/lockerd/lockerd.toml
systemctl restart lockerd
soon "the bank is known to be well" grep -q '"good"' /var/lib/lockerd/update/state

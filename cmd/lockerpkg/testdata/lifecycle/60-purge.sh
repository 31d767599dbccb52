apt-get purge -y lockerd >/dev/null 2>&1 || fail "purge"
for gone in /var/lib/lockerd /etc/lockerd /run/lockerd /usr/lib/lockerd /usr/share/doc/lockerd \
	/etc/systemd/system/multi-user.target.wants/lockerd.service /var/lib/systemd/deb-systemd-helper-enabled/lockerd.service.dsh-also; do
	[ ! -e "$gone" ] && [ ! -L "$gone" ] || fail "$gone is still there"
done
is "$(dpkg -l lockerd 2>/dev/null | grep -c '^[a-z][a-z]* *lockerd' || true)" 0 "what dpkg knows"

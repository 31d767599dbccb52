# Makes the file systems of an image. As root of a namespace, in a directory of its own with
# debian.tar, lockerd.deb, seednet, files/ and, where there is one, lockerd.toml. UUIDs are
# given: the same input gives the same bytes.
set -eu
umask 022
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH E2FSPROGS_FAKE_TIME="$SOURCE_DATE_EPOCH"
export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true PATH=/usr/sbin:/usr/bin:/sbin:/bin

mkdir root boot data
tar -C root --numeric-owner --exclude='./dev/*' -xpf debian.tar
: >root/dev/null
mount --bind /dev/null root/dev/null
mount -t proc none root/proc
inside() { env -i PATH="$PATH" LC_ALL=C QEMU_CPU="$QEMU_CPU" SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" DEB_MAINT_PARAMS=configure chroot root "$@"; }

cp lockerd.deb root/tmp/
inside dpkg -i /tmp/lockerd.deb >dpkg.log 2>&1 || { cat dpkg.log >&2; exit 1; }
cp -R --no-preserve=ownership files/root/. root/
install -m 0755 seednet root/usr/lib/lockerd-image/
ln -s /data/network/10-seed.network root/etc/systemd/network/
ln -s /data/network/wpa_supplicant-wlan0.conf root/etc/wpa_supplicant/
[ ! -e lockerd.toml ] || install -m 0644 lockerd.toml root/etc/lockerd/lockerd.toml
inside systemctl --quiet enable systemd-networkd systemd-resolved systemd-timesyncd lockerd lockerd-grow lockerd-seed
inside systemctl --quiet disable wpa_supplicant # udev starts it for wlan0
inside systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer systemd-networkd-wait-online
inside /etc/kernel/postinst.d/z50-raspi-firmware
ln -sf ../run/systemd/resolve/stub-resolv.conf root/etc/resolv.conf
: >root/etc/machine-id # made at each start, for the system is read-only
inside dpkg-query -W >packages.txt
umount root/dev/null root/proc

rm -rf root/dev/* root/tmp/* root/var/cache/* root/var/log/* root/var/lib/apt/lists/* root/var/tmp/* root/var/lib/dbus/machine-id
mv root/boot/firmware/* boot/
cp lockerd-seed.toml boot/
mkdir -p data root/data
for d in var/lib/lockerd:lockerd etc/lockerd:etc var/lib/systemd:systemd; do
  from=root/${d%:*} to=data/${d#*:}
  mkdir -p "$from"
  cp -a "$from" "$to"
  find "$from" -mindepth 1 -delete
done
find root boot data -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

# A FAT with room for a second kernel while one is upgraded, files in order.
mkfs.vfat -C -F 32 -n LOCKERDBOOT --invariant boot.img $((320 << 10)) >/dev/null
(cd boot && find . -mindepth 1 -type d | sort | while read -r d; do mmd -i ../boot.img "::${d#.}"; done
  find . -type f | sort | while read -r f; do mcopy -m -i ../boot.img "$f" "::${f#.}"; done)

# An ext4 of a directory, with no time in it that is not ours.
ext4() {
  mke2fs -q -t ext4 -d "$1" -L "lockerd-$1" -U "$3" -E "hash_seed=$3,root_owner=0:0" -m 1 "$1.img" "$2"
  find "$1" -mindepth 1 -printf "sif \"/%P\" ctime @$SOURCE_DATE_EPOCH\nsif \"/%P\" atime @$SOURCE_DATE_EPOCH\n" >times
  printf 'sif / ctime @%s\nsif / atime @%s\n' "$SOURCE_DATE_EPOCH" "$SOURCE_DATE_EPOCH" >>times
  debugfs -w -f times "$1.img" >debugfs.log 2>&1
  e2fsck -fn "$1.img" >e2fsck.log 2>&1 || { cat e2fsck.log >&2; exit 1; }
}
used=$(du -sm root | cut -f1)
ext4 root $((used * 5 / 4 + 128))M "$LOCKERD_ROOT"
ext4 data 64M "$LOCKERD_DATA"

# Makes the Debian that images are made of: a tar, in $1. As root of a namespace.
#
# Kernel, boot firmware and its set-up on each upgrade are Debian's own
# (linux-image-arm64, raspi-firmware): one kernel for boards and for qemu.
set -eu
out=$1
export INITRD=No # packages would make the initial file system twice: it is made once, at the end
exec mmdebstrap --mode=root --architectures=arm64 --variant=minbase --components=main,non-free-firmware --format=tar \
  --include=systemd-sysv,systemd-resolved,systemd-timesyncd,udev,dbus,procps,kmod,fdisk,e2fsprogs,dosfstools,iproute2 \
  --include=ca-certificates,nano,wpasupplicant,wireless-regdb,firmware-brcm80211 \
  --include=linux-image-arm64,raspi-firmware,initramfs-tools,zstd \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/lib/linux-image-*/*' --dpkgopt='path-include=/usr/lib/linux-image-*/broadcom/*' \
  --setup-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"; printf "COMPRESSLEVEL=3\nRESUME=none\nFSTYPE=ext4\n" >"$1/etc/initramfs-tools/conf.d/lockerd"' \
  --customize-hook='for k in "$1"/lib/modules/*; do chroot "$1" update-initramfs -c -k "${k##*/}"; done' \
  "${LOCKERD_SUITE:-trixie}" "$out" ${LOCKERD_MIRROR:+"$LOCKERD_MIRROR"}

package main

import (
	"embed"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// own are the packages' own files, as README.md beside this describes them.
//
//go:embed files
var own embed.FS

// item is one file of a package.
type item struct {
	to   string // absolute; a name that ends in / gets the source's
	from string // below files/, unless body or link is given
	body []byte
	link string
	mode fs.FileMode // 0: 0644
	conf bool        // the user's to change
	in   string      // names of formats; "": all
}

const docDir = "/usr/share/doc/lockerd/"

// items is the catalogue of what a package holds.
func items(b *built, rel release) ([]item, error) {
	all := []item{
		{to: "/usr/lib/lockerd/lockerd", from: filepath.Join(b.dir, "lockerd"), mode: 0o755},
		{to: "/usr/lib/lockerd/lockerd-launch", from: filepath.Join(b.dir, "lockerd-launch"), mode: 0o755},
		{to: "/usr/bin/lockerctl", from: filepath.Join(b.dir, "lockerctl"), mode: 0o755},
		{to: "/usr/lib/lockerd/lockerctl-release", from: filepath.Join(b.dir, "lockerctl-release"), mode: 0o755},
		{to: "/usr/bin/lockerd", link: "../lib/lockerd/lockerd"},
		{to: "/etc/lockerd/lockerd.toml", from: "lockerd.toml", conf: true},
		{to: "/usr/lib/udev/rules.d/70-lockerd.rules", from: "lockerd.rules"},
		{to: "/usr/lib/modules-load.d/lockerd.conf", from: "modules.conf"},
		{to: "/usr/lib/systemd/system/", from: "lockerd.service", in: "deb rpm"},
		{to: "/usr/lib/systemd/system/", from: "lockerd-kernel-log.socket", in: "deb rpm"},
		{to: "/usr/lib/systemd/system/", from: "lockerd-kernel-log@.service", in: "deb rpm"},
		{to: "/usr/lib/sysusers.d/lockerd.conf", from: "sysusers.conf", in: "deb rpm"},
		{to: "/usr/lib/tmpfiles.d/lockerd.conf", from: "tmpfiles.conf", in: "deb rpm"},
		{to: "/etc/init.d/lockerd", from: "apk/lockerd.initd", mode: 0o755, in: "apk"},
		{to: "/usr/share/lintian/overrides/lockerd", from: "deb/lintian-overrides", in: "deb"},
		{to: docDir + "examples/", from: "examples/sim.toml"},
		{to: docDir + "examples/", from: "examples/bank.toml"},
		{to: docDir + "examples/", from: "examples/all-keys.toml"},
		{to: docDir + "copyright", body: copyright(b, rel)},
		{to: docDir + "third-party-licences.txt", body: thirdParty(b)},
	}
	made, err := documents(b, rel)
	return append(all, made...), err
}

// documents are the files that are made from the programs.
func documents(b *built, rel release) ([]item, error) {
	bom, err := sbom(b, rel)
	if err != nil {
		return nil, err
	}
	log, err := changelog(rel)
	if err != nil {
		return nil, err
	}
	all := []item{{to: docDir + "sbom.cdx.json", body: bom}, {to: docDir + "changelog.gz", body: log, in: "deb"}}
	for _, p := range pages() {
		roff, err := p.write(rel)
		if err != nil {
			return nil, err
		}
		all = append(all, item{to: p.path(), body: roff})
	}
	return all, nil
}

// wanted tells whether a format has the item.
func (i item) wanted(format string) bool {
	return i.in == "" || strings.Contains(" "+i.in+" ", " "+format+" ")
}

// destination is where the item goes.
func (i item) destination() string {
	if strings.HasSuffix(i.to, "/") {
		return i.to + path.Base(i.from)
	}
	return i.to
}

// staged puts the item's bytes into a file of the stage and returns its name.
func (i item) staged(stage string) (string, error) {
	body := i.body
	if body == nil {
		if filepath.IsAbs(i.from) {
			return i.from, nil
		}
		var err error
		if body, err = own.ReadFile("files/" + i.from); err != nil {
			return "", err
		}
	}
	to := filepath.Join(stage, "root", i.destination())
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return "", err
	}
	return to, os.WriteFile(to, body, 0o600)
}

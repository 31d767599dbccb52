package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/apk"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	"github.com/goreleaser/nfpm/v2/rpm"
)

// format is a kind of package.
type format struct {
	name     string
	packager nfpm.Packager
	version  func(release) string
	adapt    func(*nfpm.Info, target, scripts) error
	file     func(*nfpm.Info, target) string
}

// String returns the format's name.
func (f format) String() string { return f.name }

// formats is the catalogue.
func formats() []format {
	return []format{
		{"deb", deb.Default, release.debian, adaptDeb, func(i *nfpm.Info, t target) string {
			return fmt.Sprintf("lockerd_%s_%s.deb", i.Version, t.name)
		}},
		{"rpm", rpm.DefaultRPM, release.debian, adaptRPM, func(i *nfpm.Info, t target) string {
			return fmt.Sprintf("lockerd-%s-1.%s.rpm", i.Version, t.rpm)
		}},
		{"apk", apk.Default, release.alpine, adaptAPK, func(i *nfpm.Info, t target) string {
			return fmt.Sprintf("lockerd-%s-r0.%s.apk", i.Version, t.apk)
		}},
	}
}

const description = `daemon of smart-locker banks
 lockerd runs a bank of smart lockers: somebody scans a code, a door opens, and
 the bank knows that it opened. It drives the lock boards over serial lines,
 decides with the network down as well as up, and tells a backend over MQTT.
 .
 lockerctl is the engineer's tool at the bank and the operator's for many.`

// pack makes one package in out and returns its path.
func pack(b *built, rel release, f format, stage, out string) (string, error) {
	info := &nfpm.Info{
		Name: "lockerd", Platform: "linux", Version: f.version(rel), VersionSchema: "none", Section: "misc", Priority: "optional",
		Maintainer: rel.maintainer, Description: description, License: "not-stated", MTime: rel.at, DisableGlobbing: true,
	}
	list, err := items(b, rel)
	if err != nil {
		return "", err
	}
	for _, i := range list {
		if !i.wanted(f.name) {
			continue
		}
		c, err := i.content(stage)
		if err != nil {
			return "", err
		}
		info.Contents = append(info.Contents, c)
	}
	if err := f.adapt(info, b.target, scripts{stage, f.name, rel.at}); err != nil {
		return "", err
	}
	path := filepath.Join(out, f.file(info, b.target))
	return path, write(f.packager, info, path)
}

// content is the item in nfpm's words.
func (i item) content(stage string) (*files.Content, error) {
	c := &files.Content{Destination: i.destination(), FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: i.mode}}
	if i.link != "" {
		c.Source, c.Type = i.link, files.TypeSymlink
		return c, nil
	}
	if i.mode == 0 {
		c.FileInfo.Mode = 0o644
	}
	if i.conf {
		c.Type = files.TypeConfigNoReplace
	}
	var err error
	c.Source, err = i.staged(stage)
	return c, err
}

// write makes the package under another name first: what has its name is whole.
func write(p nfpm.Packager, info *nfpm.Info, path string) error {
	var body bytes.Buffer
	if err := p.Package(info, &body); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".part", body.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

// scripts stages the maintainer scripts of one format.
type scripts struct {
	stage  string
	format string
	at     time.Time // apk takes the time of the staged file
}

// put stages a script and sets to where it is.
func (s scripts) put(to *string, name string, replace ...string) error {
	body, err := own.ReadFile("files/" + s.format + "/" + name)
	if err != nil {
		return err
	}
	*to = filepath.Join(s.stage, s.format+"-"+name)
	if err := os.WriteFile(*to, []byte(strings.NewReplacer(replace...).Replace(string(body))), 0o700); err != nil { //nolint:gosec,nolintlint // it is a script
		return err
	}
	return os.Chtimes(*to, s.at, s.at)
}

func adaptDeb(i *nfpm.Info, t target, s scripts) error {
	i.Deb.Arch = t.deb
	i.Depends = []string{"init-system-helpers (>= 1.54)", "systemd | systemd-standalone-sysusers", "systemd | systemd-standalone-tmpfiles"}
	i.Recommends = []string{"systemd-sysv | systemd", "udev"}
	if t.not != "" {
		if err := s.put(&i.Scripts.PreInstall, "preinst-not", "@NOT@", t.not); err != nil {
			return err
		}
	}
	return s.all(part{&i.Scripts.PostInstall, "postinst"}, part{&i.Scripts.PreRemove, "prerm"}, part{&i.Scripts.PostRemove, "postrm"})
}

func adaptRPM(i *nfpm.Info, t target, s scripts) error {
	i.RPM.Arch, i.RPM.Group, i.RPM.Summary, i.Release = t.rpm, "System Environment/Daemons", "daemon of smart-locker banks", "1"
	i.RPM.BuildHost = "localhost" // else this machine's name, which differs
	i.Depends = []string{"systemd"}
	return s.all(part{&i.Scripts.PostInstall, "post"}, part{&i.Scripts.PreRemove, "preun"}, part{&i.Scripts.PostRemove, "postun"})
}

func adaptAPK(i *nfpm.Info, t target, s scripts) error {
	i.APK.Arch, i.Release, i.Description = t.apk, "0", "daemon of smart-locker banks"
	return s.all(part{&i.Scripts.PreInstall, "pre-install"}, part{&i.Scripts.PostInstall, "post-install"},
		part{&i.APK.Scripts.PostUpgrade, "post-upgrade"}, part{&i.Scripts.PreRemove, "pre-deinstall"})
}

// part is one script: where nfpm wants its path, and its name.
type part struct {
	to   *string
	name string
}

func (s scripts) all(parts ...part) error {
	for _, p := range parts {
		if err := s.put(p.to, p.name); err != nil {
			return err
		}
	}
	return nil
}

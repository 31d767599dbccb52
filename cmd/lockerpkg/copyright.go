package main

import (
	"fmt"
	"strings"
)

// copyright makes Debian's machine-readable copyright file. The texts of the
// licences are in a file of their own: see thirdParty.
func copyright(b *built, rel release) []byte {
	var w strings.Builder
	fmt.Fprintf(&w, `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: lockerd
Comment: lockerd and lockerctl are static programs. The modules below are
 linked into them; their sources are had with
 "go mod download MODULE@VERSION", from proxy.golang.org or from the module's
 own repository. All texts that came with them are in third-party-licences.txt
 beside this file.

Files: *
Copyright: %d the owners of the lockerd repository
License: not-stated
 The repository of lockerd states no licence for lockerd itself. Ask its owners
 before you pass it on.
`, rel.at.Year())
	for _, m := range b.mods {
		fmt.Fprintf(&w, "\nFiles: %s@%s/*\nCopyright: see third-party-licences.txt\nLicense: %s\n", m.path, m.version, strings.Join(m.ids, " and "))
	}
	for _, id := range idsOf(b.mods) {
		fmt.Fprintf(&w, "\nLicense: %s\n %s\n", id, whereText(id))
	}
	return []byte(w.String())
}

// whereText tells where the text of a licence is on the machine.
func whereText(id string) string {
	switch id {
	case "Apache-2.0", "MPL-2.0":
		return "On Debian systems the text is in /usr/share/common-licenses/" + id + "."
	default:
		return "The text is in third-party-licences.txt."
	}
}

func idsOf(mods []module) []string {
	var ids []string
	seen := map[string]bool{}
	for _, m := range mods {
		for _, id := range m.ids {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// thirdParty holds every text about rights that came with the modules, each
// once, under all those it came with.
func thirdParty(b *built) []byte {
	var order []string
	with := map[string][]string{}
	for _, m := range b.mods {
		for _, t := range m.texts {
			if with[t.body] == nil {
				order = append(order, t.body)
			}
			with[t.body] = append(with[t.body], fmt.Sprintf("%s %s, %s", m.path, m.version, t.name))
		}
	}
	var w strings.Builder
	w.WriteString("What is linked into lockerd and lockerctl, and the terms it came under.\n")
	for _, body := range order {
		fmt.Fprintf(&w, "\n%s\n%s\n%s\n\n%s\n", rule, strings.Join(with[body], "\n"), rule, strings.TrimSpace(body))
	}
	return []byte(w.String())
}

const rule = "------------------------------------------------------------------------"

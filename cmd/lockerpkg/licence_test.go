package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	mit = `The MIT License
Permission is hereby granted, free of
charge, to any person. The above copyright notice and this permission notice shall be included.`
	bsd2 = "Redistribution and use in source and binary forms, with or without modification, are permitted"
	bsd3 = bsd2 + ". Neither the name of X may be used to endorse or promote products."
)

func TestIdentify(t *testing.T) {
	tests := []struct {
		body string
		want []string
	}{
		{mit, []string{"MIT"}},
		{bsd2, []string{"BSD-2-Clause"}},
		{bsd3, []string{"BSD-3-Clause"}},
		{mit + "\n" + bsd3, []string{"BSD-3-Clause", "MIT"}},
		{bsd3 + " All advertising materials mentioning features must say so.", nil},
		{"All rights reserved.", nil},
		{"", nil},
		{"GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007", nil},
		{mit + "\n or the GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3", nil},
		{mit + "\nCommons Clause License Condition v1.0", nil},
	}
	for _, tt := range tests {
		if got := identify(tt.body); !slices.Equal(got, tt.want) {
			t.Errorf("%.60q: %v, want %v", tt.body, got, tt.want)
		}
	}
}

func TestCollect(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  string // licences, or a part of the error
	}{
		{"at the root", map[string]string{"LICENSE": mit, "a/b/x.go": ""}, "MIT"},
		{"of a linked part", map[string]string{"LICENSE": mit, "a/LICENSE.txt": bsd3}, "BSD-3-Clause MIT"},
		{"of a part that is not linked", map[string]string{"LICENSE": mit, "other/COPYING": "GPL"}, "MIT"},
		{"with a notice", map[string]string{"COPYING": mit, "NOTICE": "by us"}, "MIT"},
		{"none", map[string]string{"README": mit, "a/b/license.go": mit}, "has no licence"},
		{"only a notice", map[string]string{"NOTICE": mit}, "has no licence"},
		{"unknown", map[string]string{"LICENSE": "Do what we say."}, "cannot tell which licence LICENSE is"},
		{"unknown beside a known one", map[string]string{"LICENSE": mit, "a/LICENCE": "Pay."}, "cannot tell which licence a/LICENCE is"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			tt.files["a/b/code.go"] = "package b"
			for name, body := range tt.files {
				path := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			m := module{path: "example.com/m", version: "v1.0.0"}
			err := m.collect(&sources{root: root, dirs: []string{filepath.Join(root, "a/b")}})
			got := strings.Join(m.ids, " ")
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tt.want) || err == nil && got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestBillOfMaterials(t *testing.T) {
	b := programsBuilt(t)
	body, err := sbom(b, released(t))
	if err != nil {
		t.Fatal(err)
	}
	var doc bill
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Format != "CycloneDX" || doc.Metadata.Timestamp != "2026-11-26T04:30:00Z" || !strings.HasPrefix(doc.Serial, "urn:uuid:") {
		t.Errorf("head: %+v", doc)
	}
	seen := map[string]component{}
	for _, c := range doc.Components {
		seen[c.Name] = c
		if c.Purl != "pkg:golang/"+c.Name+"@"+c.Version || len(c.Licences) == 0 {
			t.Errorf("component %+v", c)
		}
	}
	for name, licence := range map[string]string{"go.etcd.io/bbolt": "MIT", "std": "BSD-3-Clause", "github.com/eclipse/paho.mqtt.golang": "EPL-2.0", "github.com/veraison/go-cose": "MPL-2.0"} {
		c := seen[name]
		if len(c.Licences) == 0 || c.Licences[0].Licence.ID != licence || name != goModule && len(c.Properties) == 0 {
			t.Errorf("%s: %+v, want %s", name, c, licence)
		}
	}
	for _, not := range []string{"github.com/goreleaser/nfpm/v2", "github.com/nats-io/nats-server/v2"} {
		if _, ok := seen[not]; ok {
			t.Errorf("%s is not in the programs", not)
		}
	}
	if len(doc.Dependencies) != 1 || len(doc.Dependencies[0].DependsOn) != len(doc.Components) {
		t.Errorf("dependencies: %+v", doc.Dependencies)
	}
}

func TestCopyright(t *testing.T) {
	b := programsBuilt(t)
	file, texts := string(copyright(b, released(t))), string(thirdParty(b))
	for _, m := range b.mods {
		if !strings.Contains(file, "Files: "+m.path+"@"+m.version+"/*") {
			t.Errorf("copyright lacks %s", m.path)
		}
		for _, x := range m.texts {
			if !strings.Contains(texts, strings.TrimSpace(x.body)) || !strings.Contains(texts, m.path+" "+m.version+", "+x.name) {
				t.Errorf("the text %s of %s is missing", x.name, m.path)
			}
		}
	}
}

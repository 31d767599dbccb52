package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// bill is a CycloneDX 1.6 document: what the programs are made of, from their
// own build information. It lists what is linked in and who uses whom only from
// the root: build information has no more.
type bill struct {
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Serial       string       `json:"serialNumber,omitempty"`
	Version      int          `json:"version"`
	Metadata     billMetadata `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type billMetadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type       string         `json:"type"`
	Ref        string         `json:"bom-ref"`
	Name       string         `json:"name"`
	Version    string         `json:"version"`
	Purl       string         `json:"purl"`
	Licences   []billLicence  `json:"licenses,omitempty"`
	Properties []billProperty `json:"properties,omitempty"`
}

type billLicence struct {
	Licence struct {
		ID string `json:"id"`
	} `json:"license"`
}

type billProperty struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// sbom makes the bill of materials of b.
func sbom(b *built, rel release) ([]byte, error) {
	root := component{
		Type: "application", Name: "lockerd", Version: rel.debian(), Ref: "lockerd",
		Purl:       "pkg:generic/lockerd@" + rel.debian(),
		Properties: []billProperty{{"lockerd:target", "linux/" + b.target.goarch + orNone("/v", b.target.goarm)}},
	}
	doc := bill{
		Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata: billMetadata{Timestamp: rel.at.Format(time.RFC3339), Component: root},
	}
	top := dependency{Ref: root.Ref}
	for _, m := range b.mods {
		c := m.component()
		doc.Components = append(doc.Components, c)
		top.DependsOn = append(top.DependsOn, c.Ref)
	}
	doc.Dependencies = []dependency{top}
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	doc.Serial = serial(body)
	body, err = json.MarshalIndent(doc, "", "  ")
	return append(body, '\n'), err
}

func orNone(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func (m module) component() component {
	purl := "pkg:golang/" + m.path + "@" + m.version
	c := component{Type: "library", Ref: purl, Name: m.path, Version: m.version, Purl: purl}
	for _, id := range m.ids {
		var l billLicence
		l.Licence.ID = id
		c.Licences = append(c.Licences, l)
	}
	if m.sum != "" { // h1: a hash of the hashes of files, which CycloneDX has no name for
		c.Properties = []billProperty{{"lockerd:go.sum", m.sum}}
	}
	return c
}

// serial makes a name-based UUID (RFC 9562, version 8) of a document, so that
// the same document has the same one.
func serial(body []byte) string {
	h := sha256.Sum256(body)
	h[6] = h[6]&0x0f | 0x80
	h[8] = h[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

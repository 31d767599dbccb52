package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	const name = "lockerctl-release"
	tests := map[string]struct {
		there []string
		want  string
	}{
		"beside, as make build": {[]string{"bin/" + name, "lib/lockerd/" + name}, "bin/" + name},
		"package":               {[]string{"lib/lockerd/" + name}, "lib/lockerd/" + name},
		"nowhere":               {nil, ""},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			root := t.TempDir()
			for _, path := range tt.there {
				path = filepath.Join(root, path)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, nil, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			got, err := findFrom(filepath.Join(root, "bin"), name)
			if tt.want == "" {
				if err == nil || !strings.Contains(err.Error(), "does not lie in") {
					t.Errorf("got %s, %v", got, err)
				}
				return
			}
			if err != nil || got != filepath.Join(root, tt.want) {
				t.Errorf("got %s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

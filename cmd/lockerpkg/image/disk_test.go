package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestWrite: each partition's bytes are where the table says, zeros take no room, and
// util-linux reads the table as it was meant.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	noise := make([]byte, 300<<10)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise)
	want := [][]byte{append(make([]byte, 9<<20), noise...), noise[:5000], append(bytes.Clone(noise), make([]byte, 4<<20)...)}
	var parts []partition
	for i, kind := range []byte{kindFAT, kindLinux, kindLinux} {
		p := partition{file: filepath.Join(dir, string(rune('a'+i))), kind: kind, boot: i == 0}
		if err := os.WriteFile(p.file, want[i], 0o600); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, p)
	}
	out := filepath.Join(dir, "image")
	if err := write(out, parts, 0x12345679); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil || len(b) != (1+10+1+5)<<20 {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	for i, off := range []int{1 << 20, 11 << 20, 12 << 20} {
		if !bytes.Equal(b[off:off+len(want[i])], want[i]) {
			t.Errorf("partition %d is not at %d", i+1, off)
		}
	}
	fi, err := os.Stat(out)
	if err != nil || onDisk(fi) > 2<<20 {
		t.Errorf("takes %d bytes, %v", onDisk(fi), err)
	}
	judge(t, out)
}

func judge(t *testing.T, image string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "/sbin/sfdisk", "-J", image).Output()
	if err != nil {
		t.Skipf("no sfdisk to judge the table: %v", err)
	}
	type part struct {
		Start, Size int64
		Type        string
		Bootable    bool
	}
	var got struct {
		Table struct {
			Label, ID  string
			Partitions []part
		} `json:"partitiontable"`
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	want := []part{{2048, 10 << 11, "c", true}, {11 << 11, 1 << 11, "83", false}, {12 << 11, 5 << 11, "83", false}}
	if len(got.Table.Partitions) != 3 || got.Table.Label != "dos" || got.Table.ID != "0x12345679" {
		t.Fatalf("%s", out)
	}
	for i, p := range want {
		if got.Table.Partitions[i] != p {
			t.Errorf("partition %d: %+v, want %+v", i+1, got.Table.Partitions[i], p)
		}
	}
}

// TestWriteAllOrNothing: an image that can't be made is not there, nor a part of it.
func TestWriteAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "image")
	for name, file := range map[string]string{"missing": filepath.Join(dir, "missing"), "unreadable": t.TempDir()} {
		if err := write(out, []partition{{file: file}}, 1); err == nil {
			t.Errorf("%s: taken", name)
		}
		if left, _ := filepath.Glob(out + "*"); left != nil {
			t.Errorf("%s: left: %v", name, left)
		}
	}
}

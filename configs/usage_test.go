package configs

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden file anew")

func TestTheHelpIsTheGoldenText(t *testing.T) {
	var got bytes.Buffer
	if err := Usage(&got); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/help.txt"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the help changed; read it, then run go test ./configs -update:\n%s", got.String())
	}
}

func TestTheOptionsPageHoldsTheHelp(t *testing.T) {
	var help bytes.Buffer
	if err := Usage(&help); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/options.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, help.Bytes()) {
		t.Error("docs/options.md differs from fairlead --help; copy the text of testdata/help.txt into it")
	}
}

func TestTheExamplesOfTheHelpAreAccepted(t *testing.T) {
	n := 0
	for line := range strings.Lines(examples) {
		words := strings.Fields(line)
		if len(words) < 2 || strings.Contains(line, "configfile") || !strings.Contains(line, "fairlead") {
			continue
		}
		n++
		var env []string
		if words[0] != "fairlead" {
			env, words = words[:1], words[1:]
		}
		if _, err := Load(words[1:], env); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if n < 3 {
		t.Errorf("only %d examples were tried", n)
	}
}

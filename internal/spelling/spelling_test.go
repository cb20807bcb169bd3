package spelling

import "testing"

func TestDistanceCountsTheLettersToChange(t *testing.T) {
	for _, c := range []struct {
		a, b  string
		bound int
		want  int
	}{
		{"port", "port", 4, 0},
		{"prot", "port", 4, 1}, // neighbours swapped
		{"por", "port", 4, 1},
		{"ports", "port", 4, 1},
		{"pord", "port", 4, 1},
		{"", "abc", 4, 3},
		{"kitten", "sitting", 9, 3},
		{"completely", "different", 4, 4}, // bounded
		{"a", "abcdefgh", 3, 3},
	} {
		if got := Distance(c.a, c.b, c.bound); got != c.want {
			t.Errorf("Distance(%q, %q, %d) = %d, want %d", c.a, c.b, c.bound, got, c.want)
		}
		if got := Distance(c.b, c.a, c.bound); got != c.want {
			t.Errorf("Distance(%q, %q, %d) = %d, want %d", c.b, c.a, c.bound, got, c.want)
		}
	}
}

func TestNearestNamesOnlyWhatIsNear(t *testing.T) {
	known := []string{"flask", "billing", "web"}
	for name, want := range map[string]string{"flsk": "flask", "biling": "billing", "wbe": "web", "postgres": ""} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

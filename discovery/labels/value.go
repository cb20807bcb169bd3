package labels

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A misfit is a value that cannot be used: what is wrong with it, and the cure.
type misfit struct{ wrong, cure string }

func unfit(cure, format string, args ...any) *misfit {
	return &misfit{wrong: fmt.Sprintf(format, args...), cure: cure}
}

// parseBool reads a bool as Traefik does: true, false, 1, 0 and Go's other spellings.
func parseBool(v string) (bool, *misfit) {
	b, err := strconv.ParseBool(strings.TrimSpace(v))
	if err != nil {
		return false, unfit("write true or false", "%q is neither true nor false", v)
	}
	return b, nil
}

func parseInt(v string, low, high int) (int, *misfit) {
	n, err := strconv.Atoi(strings.TrimSpace(v))
	if err != nil || n < low || n > high {
		cure := fmt.Sprintf("write a number from %d to %d", low, high)
		switch {
		case low == math.MinInt:
			cure = "write a whole number"
		case high == math.MaxInt:
			cure = fmt.Sprintf("write a whole number, %d or more", low)
		}
		if err != nil {
			return 0, unfit(cure, "%q is not a number", v)
		}
		return 0, unfit(cure, "%d is out of range", n)
	}
	return n, nil
}

// parseDuration reads a Go duration, or bare digits as seconds, as Traefik does.
func parseDuration(v string) (time.Duration, *misfit) {
	v = strings.TrimSpace(v)
	d, err := time.ParseDuration(v)
	if n, bare := strconv.ParseInt(v, 10, 64); bare == nil {
		const most = math.MaxInt64 / int64(time.Second)
		if n > most || n < -most {
			return 0, unfit("write a shorter time", "%q is out of range", v)
		}
		return time.Duration(n) * time.Second, nil
	}
	if err != nil {
		return 0, unfit("write a time such as 500ms, 10s or 1m30s, or a number of seconds", "%q is not a time", v)
	}
	return d, nil
}

// parsePeriod reads a duration that must be longer than nothing.
func parsePeriod(v string) (time.Duration, *misfit) {
	d, bad := parseDuration(v)
	if bad == nil && d <= 0 {
		return 0, unfit("write a time such as 500ms, 10s or 1m30s", "%q is not longer than nothing", v)
	}
	return d, bad
}

// parseWord reads one of a few words, in any case.
func parseWord(v string, words ...string) (string, *misfit) {
	word := strings.ToLower(strings.TrimSpace(v))
	if !slices.Contains(words, word) {
		last := len(words) - 1
		list := strings.Join(words[:last], ", ") + " or " + words[last]
		return "", unfit("write "+list, "%q is not one of %s", v, list)
	}
	return word, nil
}

// parseList reads names between commas.
func parseList(v string) []string {
	var list []string
	for item := range strings.SplitSeq(v, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

type duration = time.Duration

// parseSpan reads a duration that may be nothing.
func parseSpan(v string) (time.Duration, *misfit) {
	d, bad := parseDuration(v)
	if bad == nil && d < 0 {
		return 0, unfit("write a time such as 30s, or 0", "%q is less than nothing", v)
	}
	return d, bad
}

func parsePort(v string) (int, *misfit) { return parseInt(v, 1, 65535) }

func parseCount(v string) (int, *misfit) { return parseInt(v, 0, math.MaxInt32) }

func parseText(v string) (string, *misfit) { return strings.TrimSpace(v), nil }

// parsePath reads the path of a URL; Traefik lets its first slash be left out.
func parsePath(v string) (string, *misfit) {
	v = strings.TrimSpace(v)
	switch {
	case v == "":
		return "", unfit("write a path such as /", "it is empty")
	case strings.Contains(v, "://"):
		return "", unfit("write the path alone, such as /health", "%q is a whole URL", v)
	case v[0] != '/':
		v = "/" + v
	}
	return v, nil
}

package server

import (
	"net/http"
	"sync/atomic"
	"time"
)

// clock writes the Date of answers once a second.
type clock struct{ last atomic.Pointer[date] }

type date struct {
	second int64
	line   string // the field with its line's end
}

func (c *clock) line(now time.Time) string {
	d := c.last.Load()
	if second := now.Unix(); d == nil || d.second != second {
		d = &date{second, "Date: " + now.UTC().Format(http.TimeFormat) + "\r\n"}
		c.last.Store(d)
	}
	return d.line
}

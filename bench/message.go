//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

const maxHead = 16 << 10

// A message is a request or an answer as it comes in: the head, and a body of known length.
type message struct {
	head   []byte // with the CRLF of its last line
	headed bool
	left   int  // bytes of the body that are still to come
	first  byte // of the body
}

func (m *message) reset() { *m = message{head: m.head[:0]} }

// feed takes bytes as they come, and says whether the message is whole with them. What comes
// behind its end is an error: nobody here sends ahead.
func (m *message) feed(b []byte) (whole bool, err error) {
	if !m.headed {
		had := len(m.head)
		m.head = append(m.head, b...)
		i := bytes.Index(m.head, []byte("\r\n\r\n"))
		if i < 0 {
			if len(m.head) > maxHead {
				return false, errors.New("the head does not end")
			}
			return false, nil
		}
		m.headed, m.head = true, m.head[:i+2]
		b = b[i+4-had:]
		if m.left, err = m.length(); err != nil {
			return false, err
		}
		if len(b) > 0 {
			m.first = b[0]
		}
	} else if m.first == 0 && len(b) > 0 {
		m.first = b[0]
	}
	if len(b) > m.left {
		return false, fmt.Errorf("%d bytes behind the end", len(b)-m.left)
	}
	m.left -= len(b)
	return m.left == 0, nil
}

func (m *message) length() (int, error) {
	value := m.field("Content-Length")
	if value == nil {
		if m.field("Transfer-Encoding") != nil {
			return 0, errors.New("the length is not kept")
		}
		return 0, nil
	}
	n, err := strconv.Atoi(string(value))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("bad Content-Length %q", value)
	}
	return n, nil
}

// field is the value of the first field of the name, nil if there is none.
func (m *message) field(name string) []byte {
	for line := range bytes.SplitSeq(m.head, []byte("\r\n")) {
		if len(line) > len(name) && line[len(name)] == ':' && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return bytes.TrimSpace(line[len(name)+1:])
		}
	}
	return nil
}

// target is what a request asks for.
func (m *message) target() string {
	_, rest, _ := bytes.Cut(m.head, []byte(" "))
	target, _, _ := bytes.Cut(rest, []byte(" "))
	return string(target)
}

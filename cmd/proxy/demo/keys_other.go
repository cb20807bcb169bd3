//go:build !unix

package demo

import "context"

// hasKeys says that keys can be read here as they are pressed. Where a read cannot be waited for with a
// limit, the demo writes lines and ends with Ctrl-C.
const hasKeys = false

func (t *terminal) keys(context.Context, func(key byte)) error { return nil }

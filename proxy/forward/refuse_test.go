package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"github.com/fairlead-proxy/fairlead/proxy/upstream"
)

func TestAnErrorBecomesTheStatusOfWhoseFaultItWas(t *testing.T) {
	failed := func(op upstream.Op, err error) error { return &upstream.Error{Op: op, Addr: "10.0.0.1:80", Err: err} }
	for _, c := range []struct {
		err  error
		want int
	}{
		{ErrNoRouter, 404},
		{fmt.Errorf("%w: two hosts", ErrBadRequest), 400},
		{ErrMethod, 405},
		{ErrNoBackend, 503},
		{ErrStarting, 503},
		{ErrRouter, 503},
		{failed(upstream.OpRequest, errors.New("space in the target")), 400},
		{failed(upstream.OpDial, errors.New("refused")), 502},
		{failed(upstream.OpDial, os.ErrDeadlineExceeded), 504},
		{failed(upstream.OpRead, io.ErrUnexpectedEOF), 502},
		{failed(upstream.OpRead, &net.OpError{Err: os.ErrDeadlineExceeded}), 504},
		{failed(upstream.OpAnswer, errors.New("bad chunk")), 502},
		{failed(upstream.OpContext, context.Canceled), 499},
		{failed(upstream.OpUpload, io.ErrUnexpectedEOF), 499},
		{failed(upstream.OpUpload, os.ErrDeadlineExceeded), 408},
		{fmt.Errorf("%w: broken pipe", errClient), 499},
		{errUpgrade, 502},
	} {
		if got := statusOf(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}

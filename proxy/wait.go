package proxy

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"
)

// wait is the child's for an answer.
type wait struct {
	ctx  context.Context // ends with it
	end  context.CancelFunc
	came atomic.Int64 // so much of the answer, in bytes
}

// waitFor begins it. In HTTP/1.1 who has said all may end its half of the connection, as BusyBox's wget does and what a pipe feeds;
// net/http takes that for the end of it all. As nothing tells the one from the other before something is written, the wait goes on
// then as long as some of the answer comes in time.
func (p *Proxy) waitFor(r *http.Request) *wait {
	var w wait
	if r.ProtoMajor != 1 {
		w.ctx, w.end = context.WithCancel(r.Context())
		return &w
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	stop := context.AfterFunc(r.Context(), func() {
		defer cancel()
		for came := int64(-1); came != w.came.Load(); {
			came = w.came.Load()
			select {
			case <-time.After(p.patient):
			case <-p.ctx.Done():
				return
			case <-ctx.Done():
				return
			}
		}
	})
	w.ctx, w.end = ctx, func() { stop(); cancel() }
	return &w
}

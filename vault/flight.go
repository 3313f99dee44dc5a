package vault

import "context"

// flight is one reading that several callers wait for. It outlives the caller that started it and is cancelled when the
// last one has gone.
type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int
	s       Secret
	err     error
}

// landed is the done of a flight that is over.
var landed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// await joins the reading of ref that is going on, or starts one.
func (v *Vault) await(ctx context.Context, ref Ref, b backend) (Secret, error) {
	f, err := v.join(ctx, ref, b)
	if err != nil {
		return Secret{}, err
	}
	defer v.leave(ref, f)
	select {
	case <-f.done:
		return f.s, f.err
	case <-ctx.Done():
		return Secret{}, context.Cause(ctx)
	}
}

func (v *Vault) join(ctx context.Context, ref Ref, b backend) (*flight, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil, errClosed
	}
	f := v.flights[ref]
	if s, ok := v.cache[ref]; ok { // landed since the caller looked: a second reading would be another Secret
		f = &flight{done: landed, cancel: func() {}, s: s}
	} else if f == nil {
		f = &flight{done: make(chan struct{})}
		ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
		v.flights[ref] = f
		go v.fly(ctx, ref, b, f)
	}
	f.waiters++
	return f, nil
}

func (v *Vault) leave(ref Ref, f *flight) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if f.waiters--; f.waiters > 0 {
		return
	}
	f.cancel()
	if v.flights[ref] == f { // nobody may join what was just cancelled
		delete(v.flights, ref)
	}
}

func (v *Vault) fly(ctx context.Context, ref Ref, b backend, f *flight) {
	f.s, f.err = b.get(ctx, ref.Name)
	v.mu.Lock()
	defer v.mu.Unlock()
	defer close(f.done)
	if f.err == nil && v.closed {
		f.s.wipe()
		f.s, f.err = Secret{}, errClosed
	}
	if f.err == nil {
		v.issued = append(v.issued, f.s)
	}
	if v.flights[ref] != f {
		return // written, or left by everyone, in the meantime
	}
	delete(v.flights, ref)
	if f.err == nil {
		v.cache[ref] = f.s
	}
}

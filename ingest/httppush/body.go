package httppush

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Limits of compressed bodies. Real rows shrink to a tenth, sometimes to a fiftieth; 1 GiB of zeros is 32 KiB of zstd.
const (
	ratioMax = 200
	// ratioFreeBytes of output are not counted, since the start of every body may be all alike.
	ratioFreeBytes = 1 << 20
	// windowMaxBytes bounds what a zstd frame may ask the decoder to remember.
	windowMaxBytes = 8 << 20
)

// OpenBody returns the decompressed body of a request, which fails when it is longer than maxBytes, before or after
// decompression, or suspiciously well compressed. The caller closes it.
func OpenBody(w http.ResponseWriter, r *http.Request, maxBytes int64) (*Body, error) {
	if r.ContentLength > maxBytes { // said at once, not after they have come
		return nil, tooLong(maxBytes)
	}
	in := &counter{src: http.MaxBytesReader(w, r.Body, maxBytes)}
	b := &Body{in: in, maxBytes: maxBytes}
	switch enc := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); enc {
	case "", "identity":
		b.src = in
	case "gzip":
		b.compressed = true
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, b.translate(err)
		}
		b.src, b.close = z, func() { z.Close() }
	case "zstd":
		b.compressed = true
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(windowMaxBytes), zstd.WithDecoderMaxMemory(uint64(maxBytes)+1))
		if err != nil {
			return nil, b.translate(err)
		}
		b.src, b.close = z, z.Close
	default:
		return nil, withStatus(http.StatusUnsupportedMediaType,
			errs.New(errs.FeatureNotSupported, "content encoding %.40q is not supported", enc).WithHint("Use gzip or zstd, or none."))
	}
	return b, nil
}

// counter counts what was read of the wire's bytes.
type counter struct {
	src io.Reader
	n   int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.src.Read(p)
	c.n += int64(n)
	return n, err
}

// Body is a decompressed body with its caps.
type Body struct {
	src        io.Reader
	close      func()
	in         *counter
	n          int64        // decompressed bytes handed out
	sum        *xxh3.Hasher // of them; nil: nobody asks
	maxBytes   int64
	compressed bool
}

// Read reads on, or tells which cap was met.
func (b *Body) Read(p []byte) (int, error) {
	n, err := b.src.Read(p)
	b.n += int64(n)
	if b.sum != nil {
		_, _ = b.sum.Write(p[:n]) // cannot fail
	}
	switch {
	case b.n > b.maxBytes:
		return 0, tooLong(b.maxBytes)
	case b.compressed && b.n > ratioFreeBytes && b.n > ratioMax*b.in.n:
		return 0, withStatus(http.StatusRequestEntityTooLarge,
			errs.New(errs.ProgramLimitExceeded, "request body expands more than %d times", ratioMax).
				WithHint("Send it uncompressed, or in smaller pieces."))
	case err != nil && err != io.EOF:
		return n, b.translate(err)
	}
	return n, err
}

// content reads what is left and returns the hash of the whole body.
func (b *Body) content() (uint64, error) {
	if _, err := io.Copy(io.Discard, b); err != nil {
		return 0, err
	}
	return b.sum.Sum64(), nil
}

// Close ends the decompression. The server closes the connection's side.
func (b *Body) Close() error {
	if b.close != nil {
		b.close()
	}
	return nil
}

func tooLong(maxBytes int64) error {
	return withStatus(http.StatusRequestEntityTooLarge,
		errs.New(errs.ProgramLimitExceeded, "request body is longer than %d bytes", maxBytes).
			WithHint("Send it in several requests, or load it with COPY."))
}

// translate gives a failed read its SQLSTATE.
func (b *Body) translate(err error) error {
	var long *http.MaxBytesError
	var ours *Error
	switch {
	case errors.As(err, &long):
		return tooLong(b.maxBytes)
	case errors.As(err, &ours):
		return err
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return withStatus(http.StatusRequestEntityTooLarge, errs.New(errs.ProgramLimitExceeded, "request body: %w", err))
	case b.compressed:
		return withStatus(http.StatusBadRequest, errs.New(errs.BadCopyFileFormat, "request body cannot be decompressed: %w", err))
	}
	return withStatus(http.StatusBadRequest, errs.New(errs.ConnectionFailure, "request body ends early: %w", err))
}

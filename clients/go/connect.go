package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// connectionOptions say how to reach the service: in plaintext, over TLS, with a certificate of one's own, with an
// API key.
type connectionOptions struct {
	address, ca, cert, key, apiKey string
	tls                            bool
}

func (opts *connectionOptions) addFlags() {
	flag.StringVar(&opts.address, "address", "localhost:50051", "where the service listens")
	flag.BoolVar(&opts.tls, "tls", false, "trust the system's authorities")
	flag.StringVar(&opts.ca, "ca", "", "trust the authority in this PEM `file`; implies -tls")
	flag.StringVar(&opts.cert, "cert", "", "the client's certificate, a PEM `file`, for mTLS")
	flag.StringVar(&opts.key, "key", "", "the certificate's private key, a PEM `file`")
	flag.StringVar(&opts.apiKey, "api-key", os.Getenv("LINNET_API_KEY"), "the API `key`; default LINNET_API_KEY")
}

func connect(opts connectionOptions) (*grpc.ClientConn, error) {
	transport, err := transportCredentials(opts)
	if err != nil {
		return nil, err
	}
	dialOptions := []grpc.DialOption{grpc.WithTransportCredentials(transport)}
	if opts.apiKey != "" {
		dialOptions = append(dialOptions, grpc.WithPerRPCCredentials(apiKey(opts.apiKey)))
	}
	return grpc.NewClient(opts.address, dialOptions...)
}

func transportCredentials(opts connectionOptions) (credentials.TransportCredentials, error) {
	if !opts.tls && opts.ca == "" {
		return insecure.NewCredentials(), nil
	}
	config := &tls.Config{}
	if opts.ca != "" {
		pem, err := os.ReadFile(opts.ca)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("no certificate in %s", opts.ca)
		}
	}
	if opts.cert != "" {
		certificate, err := tls.LoadX509KeyPair(opts.cert, opts.key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	return credentials.NewTLS(config), nil
}

// apiKey goes with every call. It is a secret: use TLS beyond the local machine.
type apiKey string

func (key apiKey) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(key)}, nil
}

func (key apiKey) RequireTransportSecurity() bool { return false }

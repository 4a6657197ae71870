// An S3 server on a loopback port for tests: the gateway of Versity over a directory, each directory in which is a bucket.
//
//	s3 DIR ADDRESS
//
// DIR holds data/ and, in meta/, what the gateway notes of objects. The account root may do everything, stranger nothing.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

type accounts struct{ auth.IAMService }

func (a accounts) GetUserAccount(access string) (auth.Account, error) {
	if access == "stranger" {
		return auth.Account{Access: "stranger", Secret: "strangersecret", Role: auth.RoleUser}, nil
	}
	if access != "root" {
		return auth.Account{}, auth.ErrNoSuchUser
	}
	return a.IAMService.GetUserAccount(access)
}

func serve(dir, address string) error {
	data, notes := filepath.Join(dir, "data"), filepath.Join(dir, "meta")
	for _, each := range []string{data, notes} {
		if err := os.MkdirAll(each, 0o755); err != nil {
			return err
		}
	}
	storer, err := meta.NewSideCar(notes)
	if err != nil {
		return err
	}
	files, err := posix.New(data, storer, posix.PosixOpts{SideCarDir: notes})
	if err != nil {
		return err
	}
	root := auth.Account{Access: "root", Secret: "rootsecret", Role: auth.RoleAdmin}
	return embedgw.RunVersityGW(context.Background(), files, &embedgw.Config{
		RootUserAccess:    root.Access,
		RootUserSecret:    root.Secret,
		Ports:             []string{address},
		MaxConnections:    1024,
		MaxRequests:       1024,
		MultipartMaxParts: 10000,
		IAMService:        accounts{auth.NewIAMServiceSingle(root)},
		KeepAlive:         true,
		Quiet:             true,
	})
}

func main() {
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

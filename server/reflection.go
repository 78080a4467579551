package server

import (
	_ "embed" // for the descriptors
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// describedProto is a FileDescriptorSet of proto/, made by buf, with its
// comments, which generated Go code leaves out: with them a tool such as
// grpcurl shows what each call and field means. A test holds it equal to the
// generated code but for the comments.
//
//go:embed reflection.binpb
var describedProto []byte

// registerReflection serves the descriptors of all services, ours with their
// comments.
func registerReflection(s *grpc.Server) error {
	described, err := describedFiles()
	if err != nil {
		return fmt.Errorf("reflection: %w", err)
	}
	options := reflection.ServerOptions{Services: s, DescriptorResolver: described}
	reflectionv1.RegisterServerReflectionServer(s, reflection.NewServerV1(options))
	reflectionv1alpha.RegisterServerReflectionServer(s, reflection.NewServer(options))
	return nil
}

func describedFiles() (*describedResolver, error) {
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(describedProto, &set); err != nil {
		return nil, err
	}
	r := &describedResolver{own: new(protoregistry.Files)}
	for _, file := range set.GetFile() { // buf orders them by their imports
		d, err := protodesc.NewFile(file, r)
		if err != nil {
			return nil, err
		}
		if err := r.own.RegisterFile(d); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// describedResolver finds our own files first, and then all that the program
// knows.
type describedResolver struct {
	own *protoregistry.Files
}

func (r *describedResolver) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	if d, err := r.own.FindFileByPath(path); err == nil {
		return d, nil
	}
	return protoregistry.GlobalFiles.FindFileByPath(path)
}

func (r *describedResolver) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	if d, err := r.own.FindDescriptorByName(name); err == nil {
		return d, nil
	}
	return protoregistry.GlobalFiles.FindDescriptorByName(name)
}

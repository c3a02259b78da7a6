package com.example.linnet;

import io.grpc.Context;
import io.grpc.Context.CancellableContext;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.util.Iterator;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import linnet.v1.CompletionGrpc;
import linnet.v1.CompletionGrpc.CompletionBlockingStub;
import linnet.v1.CancelRequest;
import linnet.v1.Finished;
import linnet.v1.GenerateRequest;
import linnet.v1.GenerateResponse;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "complete",
    description = "Streams a completion from Linnet, with a deadline, a way to cancel, and errors told in full.",
    showDefaultValues = true)
public final class Complete implements Callable<Integer> {
  enum CancelBy { call, key }

  @Mixin private Connection connection;

  @Parameters(description = "what to continue")
  private String prompt;

  @Option(names = "--max-tokens", paramLabel = "COUNT")
  private int maxTokens = 40;

  @Option(names = "--temperature", paramLabel = "NUMBER", description = "0 is greedy; the service's default is 1")
  private Double temperature;

  @Option(names = "--timeout", paramLabel = "SECONDS", description = "the deadline")
  private double timeoutSeconds = 60;

  @Option(names = "--cancel-after", paramLabel = "TOKENS", description = "cancel once so many have come")
  private Integer cancelAfter;

  @Option(names = "--cancel-by", description = "${COMPLETION-CANDIDATES}")
  private CancelBy cancelBy = CancelBy.call;

  public static void main(String[] args) {
    System.exit(new CommandLine(new Complete()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    ManagedChannel channel = connection.open();
    try {
      complete(connection.authorize(CompletionGrpc.newBlockingStub(channel)));
      return 0;
    } catch (StatusRuntimeException failure) {
      System.err.println("\n" + FailureReport.of(failure));
      return 1;
    } finally {
      channel.shutdownNow();
    }
  }

  private void complete(CompletionBlockingStub stub) throws Exception {
    String cancelKey = UUID.randomUUID().toString();
    GenerateRequest.Builder request =
        GenerateRequest.newBuilder().setPrompt(prompt).setMaxTokens(maxTokens).setCancelKey(cancelKey);
    // Left unset, the service's default is in force; 0 would be greedy.
    if (temperature != null) request.setTemperature(temperature);

    // The service stops the generation when the deadline passes or the context is cancelled, wherever the request is.
    long timeoutMillis = Math.round(timeoutSeconds * 1000);
    try (CancellableContext context = Context.current().withCancellation()) {
      Iterator<GenerateResponse> responses =
          context.call(() -> stub.withDeadlineAfter(timeoutMillis, TimeUnit.MILLISECONDS).generate(request.build()));
      int tokens = 0;
      boolean cancelled = false;
      while (responses.hasNext()) {
        GenerateResponse response = responses.next();
        switch (response.getEventCase()) {
          case DELTA -> {
            System.out.print(response.getDelta().getText());
            System.out.flush();
            tokens += response.getDelta().getTokenIdsCount();
          }
          case FINISHED -> {
            Finished finished = response.getFinished();
            int total = finished.getUsage().getCompletionTokens();
            System.err.printf("%n%s: %d tokens%n", finished.getFinishReason(), total);
          }
          default -> {}
        }
        if (cancelAfter != null && tokens >= cancelAfter && !cancelled) {
          cancelled = true;
          // The generation ends within one step of the engine, and the iterator throws CANCELLED.
          if (cancelBy == CancelBy.call || !cancelByKey(stub, cancelKey)) context.cancel(null);
        }
      }
    }
  }

  /**
   * Cancels without resetting the call's stream, and tells whether there was anything to cancel. It is for connections
   * that carry many callers: servers close a connection on which too many streams are reset.
   */
  private static boolean cancelByKey(CompletionBlockingStub stub, String cancelKey) {
    CancelRequest request = CancelRequest.newBuilder().setCancelKey(cancelKey).build();
    return stub.withDeadlineAfter(5, TimeUnit.SECONDS).cancel(request).getCancelledRequests() > 0;
  }
}

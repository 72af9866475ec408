/* A stream of speech to the server's live operation: microphone, WebSocket, and what comes back, as one state. */
import { api, fetchRaw, type Schemas } from "../api/client";
import { getKey } from "../api/key";
import { openMicrophone, type Microphone } from "../lib/microphone";
import { toPcm16 } from "../lib/pcm";

export interface Piece {
  index: number;
  start: number;
  end: number;
  text: string;
  segments: { id: number; start: number; end: number; text: string }[];
}

export interface Live {
  phase: "idle" | "connecting" | "listening" | "paused" | "ending" | "ended" | "cut";
  runId: string | null;
  model: string;
  finals: Piece[];
  partial: Piece | null;
  /* Seconds by which recognition is behind speech; null before it said so. */
  delay: number | null;
  sent: number;
  status: string | null;
  message: string | null;
}

export const silent: Live = {
  phase: "idle",
  runId: null,
  model: "",
  finals: [],
  partial: null,
  delay: null,
  sent: 0,
  status: null,
  message: null,
};

interface Message extends Partial<Piece> {
  type: string;
  run_id?: string;
  model?: string;
  rate?: number;
  delay_seconds?: number;
  status?: string;
  message?: string | null;
  seconds?: number;
}

/* Sound that the network has not taken yet: 30 seconds, as many as the server itself lets wait. */
const waitMost = 30 * 16_000 * 2;

/* What a message makes of the state. */
export function heard(old: Live, message: Message): Live {
  const delay = message.delay_seconds ?? old.delay;
  const piece: Piece = {
    index: message.index ?? 0,
    start: message.start ?? 0,
    end: message.end ?? 0,
    text: message.text ?? "",
    segments: message.segments ?? [],
  };
  switch (message.type) {
    case "ready":
      return { ...old, phase: "listening", runId: message.run_id ?? null, model: message.model ?? "" };
    case "partial":
      return { ...old, delay, partial: piece };
    case "final":
      return { ...old, delay, partial: null, finals: piece.text.trim() === "" ? old.finals : [...old.finals, piece] };
    case "delay":
      return { ...old, delay };
    case "end":
      return {
        ...old,
        phase: "ended",
        partial: null,
        status: message.status ?? null,
        message: message.message ?? null,
      };
    default:
      return old;
  }
}

/* A browser does not tell why a WebSocket was refused. A plain request to the same address meets the same key. */
async function whyRefused(path: string): Promise<Error> {
  try {
    const reply = await fetchRaw(path, {}, [426]);
    void reply.body?.cancel();
    const info: Schemas["Info"] | undefined = (await api.GET("/api/v1/info", {})).data;
    if (info?.features["draining"] === true) return new Error("The server is stopping and takes no new streams.");
    return new Error(
      "The server refused the stream: it has as many as it takes, or the model is gone. Try again later.",
    );
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

export class Stream {
  private socket: WebSocket | null = null;
  private microphone: Microphone | null = null;
  private paused = false;
  private gone = false;
  private samples = 0;

  constructor(
    private readonly change: (make: (old: Live) => Live) => void,
    private readonly problem: (error: unknown) => void,
  ) {}

  async start(model: string, language: string): Promise<void> {
    this.change(() => ({ ...silent, phase: "connecting" }));
    try {
      // Some browsers give the microphone at its own rate only; the server takes that as well.
      const take = (samples: Float32Array) => this.send(samples);
      const any = (error: unknown) => {
        if (this.gone) throw error;
        return openMicrophone(take);
      };
      this.microphone = await openMicrophone(take, 16_000).catch(any);
    } catch (error) {
      if (this.gone) return;
      const why = error instanceof Error ? error.message : String(error);
      this.change(() => silent);
      throw new Error(`The microphone cannot be used: ${why}`, { cause: error });
    }
    // The page may be left while the browser asks whether it may hear.
    if (this.gone) {
      await this.closeMicrophone();
      return;
    }
    const query = new URLSearchParams({ rate: String(this.microphone.rate) });
    if (model !== "") query.set("model", model);
    if (language !== "") query.set("language", language);
    const path = `/api/v1/live?${query.toString()}`;
    const key = getKey();
    const address = new URL(path, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address, key === "" ? ["modellab.v1"] : ["modellab.v1", `modellab.key.${key}`]);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    let isReady = false;
    socket.onmessage = (event: MessageEvent<string>) => {
      isReady = true;
      const message = JSON.parse(event.data) as Message;
      this.change((old) => heard(old, message));
    };
    socket.onclose = (event) => {
      void this.closeMicrophone();
      this.socket = null;
      if (!isReady) {
        this.change(() => silent);
        void whyRefused(path).then(this.problem);
        return;
      }
      const why = event.reason === "" ? `The connection broke (code ${event.code}).` : event.reason;
      this.change((old) => (old.phase === "ended" ? old : { ...old, phase: "cut", message: why, status: null }));
    };
  }

  private send(samples: Float32Array): void {
    if (this.socket?.readyState !== WebSocket.OPEN || this.paused) return;
    if (this.socket.bufferedAmount > waitMost) {
      this.problem(
        new Error("The network takes the sound too slowly; the stream was ended so that nothing is left out."),
      );
      this.stop();
      return;
    }
    this.socket.send(toPcm16(samples));
    this.samples += samples.length;
    const sent = this.samples / (this.microphone?.rate ?? 16_000);
    this.change((old) => (Math.floor(sent * 10) === Math.floor(old.sent * 10) ? old : { ...old, sent }));
  }

  pause(on: boolean): void {
    this.paused = on;
    this.change((old) => ({ ...old, phase: on ? "paused" : "listening" }));
  }

  /* The rest is recognised, then the server ends it. */
  stop(): void {
    void this.closeMicrophone();
    this.change((old) => ({ ...old, phase: "ending" }));
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ action: "end" }));
  }

  /* The page is left: the server cancels the run when the connection goes. */
  async leave(): Promise<void> {
    this.gone = true;
    if (this.socket !== null) this.socket.onclose = null;
    this.socket?.close();
    this.socket = null;
    await this.closeMicrophone();
  }

  private async closeMicrophone(): Promise<void> {
    const microphone = this.microphone;
    this.microphone = null;
    await microphone?.stop();
  }
}

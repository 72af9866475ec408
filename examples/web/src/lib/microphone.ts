/* The microphone as PCM: samples as they come, at the rate of the device or at one that is asked for. */
export interface Microphone {
  rate: number;
  stop: () => Promise<void>;
}

export async function openMicrophone(onSamples: (samples: Float32Array) => void, rate?: number): Promise<Microphone> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: false } });
  const context = new AudioContext(rate === undefined ? {} : { sampleRate: rate });
  const close = async () => {
    for (const track of stream.getTracks()) track.stop();
    if (context.state !== "closed") await context.close();
  };
  try {
    await context.audioWorklet.addModule(new URL("./recorder_worklet.js", import.meta.url));
    const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0, channelCount: 1 });
    node.port.onmessage = (event: MessageEvent<Float32Array>) => onSamples(event.data);
    context.createMediaStreamSource(stream).connect(node);
    await context.resume();
  } catch (error) {
    await close();
    throw error;
  }
  return { rate: context.sampleRate, stop: close };
}

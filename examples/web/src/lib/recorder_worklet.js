/* Runs in the audio thread: hands on what the microphone gives, one channel, 2,048 samples at a time (43 ms at 48 kHz). */
/* global AudioWorkletProcessor, registerProcessor */
class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.samples = new Float32Array(2048);
    this.count = 0;
  }

  process(inputs) {
    const channel = inputs[0]?.[0];
    if (channel === undefined) return true;
    this.samples.set(channel, this.count);
    this.count += channel.length;
    if (this.count + channel.length > this.samples.length) {
      this.port.postMessage(this.samples.slice(0, this.count));
      this.count = 0;
    }
    return true;
  }
}
registerProcessor("recorder", Recorder);

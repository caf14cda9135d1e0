/** Photos made small on the phone: at most 1600 pixels, upright, without anything else the camera wrote. */

import { keepBytes, type Photo } from "./store";

export const LONGEST = 1600;
const THUMB = 240;
const GOOD = 0.82;

/** A photo that this phone cannot read, such as HEIC outside Safari, or one too large for its memory. */
export class Unreadable extends Error {}

export async function shrink(file: File, kind: Photo["kind"]): Promise<Photo> {
  // Through an <img>, because every browser since 2020 turns it upright by what the camera wrote.
  const image = await decoded(await asDataUrl(file));
  const whole = drawn(image, LONGEST);
  const blob = await new Promise<Blob | null>((done) => whole.toBlob(done, "image/jpeg", GOOD));
  if (!blob) throw new Unreadable();
  const thumb = drawn(image, THUMB).toDataURL("image/jpeg", 0.7);
  return { kind, bytes: await keepBytes(await bytes(blob)), thumb, id: null };
}

/** Any bytes as an address that our strict policy lets an <img> show. */
export function asDataUrl(blob: Blob): Promise<string> {
  return read(blob, (reader) => reader.readAsDataURL(blob)) as Promise<string>;
}

function bytes(blob: Blob): Promise<ArrayBuffer> {
  return read(blob, (reader) => reader.readAsArrayBuffer(blob)) as Promise<ArrayBuffer>;
}

function read(_: Blob, begin: (reader: FileReader) => void): Promise<string | ArrayBuffer | null> {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => failed(new Unreadable());
    begin(reader);
  });
}

function decoded(address: string): Promise<HTMLImageElement> {
  return new Promise((done, failed) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => failed(new Unreadable());
    image.src = address;
  });
}

function drawn(image: HTMLImageElement, longest: number): HTMLCanvasElement {
  const scale = Math.min(1, longest / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  const pen = canvas.getContext("2d");
  if (!pen) throw new Unreadable();
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
}
